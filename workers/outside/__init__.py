"""Reaching what tenants declared outside, and nothing else: their HTTP endpoints and MCP servers.

endpoint                        what was declared, with its credential
urls, hosts, addresses          where that is, and whether a worker may go there
client, bodies                  one HTTP request, and as much of its answer as may be read
mcp                             one session with an MCP server, by the SDK
    transport, meter, messages  where its requests go, how many bytes come, what the SDK is given of them
    background                  the event loop that the SDK waits on
scrub                           no credential comes back
"""
