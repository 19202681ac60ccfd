"""The sparse kernel, compiled where a compiler is at hand; without one the package installs all the same."""

import importlib.util
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = Path("empirics/kernels")
_spec = importlib.util.spec_from_file_location("kernel_build", HERE / "build.py")
assert _spec is not None
assert _spec.loader is not None
kernel_build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(kernel_build)


class StampedBuild(build_ext):
    """Compile each build in a folder of its own, then stamp the object file."""

    def build_extension(self, ext: Extension) -> None:
        """Build one."""
        shared, self.build_temp = self.build_temp, str(Path(self.build_temp) / ext.name)
        try:
            super().build_extension(ext)
        finally:
            self.build_temp = shared
        kernel_build.stamp(Path(self.get_ext_fullpath(ext.name)))


setup(
    cmdclass={"build_ext": StampedBuild},
    ext_modules=[
        Extension(
            f"empirics.kernels._sparse_{name}",
            [str(HERE / "kernel.cpp")],
            depends=[str(HERE / path.name) for path in kernel_build.HEADERS],
            extra_compile_args=[*kernel_build.FLAGS, *flags, kernel_build.definition()],
            language="c++",
            optional=True,
        )
        for name, flags in kernel_build.builds().items()
    ],
)
