-- Tell the gate a tenant's configuration; it binds from the next claim on.
--
-- ARGV[2]  tenant              ARGV[3]  version, ARGV[4] the configuration as JSON
-- answer   {permits: {lane: number}}

configure(ARGV[2], ARGV[3], ARGV[4])
place(ARGV[2])
return answer({})
