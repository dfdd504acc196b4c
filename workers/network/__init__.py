"""Waiting on the network: for providers of models, and for what tenants declared, their endpoints and MCP servers.

Whoever waits is bounded, whatever is waited for:
bounds                          how long a call may take, how much may come, and whether its run may go on
wire, stream                    connections that ask so between two slices, in the clear or by TLS
background                      the event loop that an SDK waits on

What tenants declared is reached, and nothing else:
endpoint                        what was declared, with its credential
urls, hosts, addresses          where that is, and whether a worker may go there
client, bodies                  one HTTP request, and as much of its answer as may be read
mcp                             one session with an MCP server, by the SDK
    transport, meter, messages  where its requests go, how many bytes come, what the SDK is given of them
scrub                           no credential comes back
"""
