-- Put a committed job into its tenant's backlog. Idempotent.
--
-- ARGV[2]  job id              ARGV[6]  score: priority, then order of acceptance
-- ARGV[3]  tenant              ARGV[7]  due, in milliseconds since 1970; 0 for now
-- ARGV[4]  lane                ARGV[8]  expected cost, in the family's unit
-- ARGV[5]  the lane's weight   ARGV[9]  version of the tenant's configuration, ARGV[10] the configuration as JSON
-- answer   {new: true|false, permits: {lane: number}}

local id, tenant, lane = ARGV[2], ARGV[3], ARGV[4]
configure(tenant, ARGV[9], ARGV[10])
join_lane(tenant, lane, ARGV[5])
local fresh = redis.call('HEXISTS', K .. 'jobs', id) == 0
if fresh then
    local job = { tenant = tenant, lane = lane, score = tonumber(ARGV[6]), cost = tonumber(ARGV[8]), offered = now }
    redis.call('HSET', K .. 'jobs', id, cmsgpack.pack(job))
    wait_until(id, job, tonumber(ARGV[7]))
end
place(tenant)
return answer({ new = fresh })
