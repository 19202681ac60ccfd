"""Run folders converted to and from the formats of others."""
