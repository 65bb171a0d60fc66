"""Prompt templates, one a file, named by purpose; filled by `raft_core.prompts`."""
