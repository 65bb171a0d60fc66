"""The Discord front of raftbot: talks to jobs, Chroma and the model server, and never imports torch."""
