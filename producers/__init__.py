"""Every way in: the bus, the command line, the client library. Each answers *accepted* or *refused*."""
