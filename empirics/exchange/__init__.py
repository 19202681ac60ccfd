"""Run folders to and from the formats that others read and write."""
