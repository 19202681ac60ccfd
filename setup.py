"""The sparse kernel, compiled where a compiler is at hand; without one the package installs all the same."""

import importlib.util
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

HERE = Path("empirics/kernels")
_spec = importlib.util.spec_from_file_location("kernel_build", HERE / "build.py")
assert _spec is not None
assert _spec.loader is not None
kernel_build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(kernel_build)


class KernelBuild(build_ext):
    """Compile the builds at once, always anew: an older object would stay though flags or compiler are others."""

    def finalize_options(self) -> None:
        """Ask for as many compilers as there are builds."""
        super().finalize_options()
        self.parallel = len(kernel_build.builds())

    def build_extension(self, ext: Extension) -> None:
        """Compile one; where that fails the package does without, for it is optional."""
        to = Path(self.get_ext_fullpath(ext.name))
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            kernel_build.compile_kernel(ext.extra_compile_args, to)
        except (OSError, subprocess.CalledProcessError) as error:
            raise CompileError(getattr(error, "stderr", None) or str(error)) from error


setup(
    cmdclass={"build_ext": KernelBuild},
    ext_modules=[
        Extension(
            f"empirics.kernels._sparse_{name}",
            [str(HERE / "kernel.cpp")],
            extra_compile_args=[*flags],
            language="c++",
            optional=True,
        )
        for name, flags in kernel_build.builds().items()
    ],
)
