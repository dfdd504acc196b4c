-- Rebuild only: take in a job that the ledger says is running, under the token it runs with, for one whole lease.
--
-- ARGV[2…10] as in offer       ARGV[11] token, ARGV[12] lease in ms
-- answer   {new: true|false, permits: {}}

local id, tenant, lane = ARGV[2], ARGV[3], ARGV[4]
configure(tenant, ARGV[9], ARGV[10])
join_lane(tenant, lane, ARGV[5])
local fresh = redis.call('HEXISTS', K .. 'jobs', id) == 0
if fresh then
    local job = { tenant = tenant, lane = lane, score = tonumber(ARGV[6]), cost = tonumber(ARGV[8]), offered = now }
    redis.call('HSET', K .. 'jobs', id, cmsgpack.pack(job))
    lease_out(id, job, ARGV[11], '', tonumber(ARGV[12]))
end
place(tenant)
return answer({ new = fresh })
