"""One client, and one reader of replies, for every server that speaks the OpenAI protocol.

    thoughts     a reasoning model's thoughts apart from its answer, in the common forms
    replies      a body or a stream → text, thoughts, finish reason, usage
    errors       what a server refuses, in its own words without secrets, and what to do about it
    parameters   refused parameters, adapted once and remembered
    client       asking, with retries and limits
    embeddings   texts → vectors, by index, in batches that the server takes

It is httpx and plain dictionaries: the OpenAI package and LangChain drop what servers add to the protocol
(thoughts, errors with status 200, the body of a refusal in a stream), which is what has to be read here.
"""
