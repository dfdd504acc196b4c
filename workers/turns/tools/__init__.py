"""What an agent may do besides speaking, checked and bounded, in the name of the job's tenant, agent and user.

tool                            what a tool is, and what it is told of the job
toolbox                         the tools of one turn: offered, and used
    parallel                    the calls of a round, each a step of the turn
    calling                     one call: may it be made, and what comes of it
    arguments, schemas          what the model wrote, held against what the tool takes
    results                     what the tool answered, as the journal keeps it
knowledge, memory, handoff      tools that come with Headgate
reaching                        what it means for a tool that what it reaches for is not there
http, http_answer               `http_request`: what is asked, and what a model is shown of the answer
mcp, mcp_listings, mcp_offers   tools of a tenant's servers: used, listed now and then, sifted
own                             tools of the operator's own
"""
