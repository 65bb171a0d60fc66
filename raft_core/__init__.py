"""The stages of RAFT, from documents to scores; the folders read in the order the data flows."""

__version__ = "0.1.0"
