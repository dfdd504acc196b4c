-- A process's heartbeat: extends its leases in one call, and tells its slots where it is a worker's main process.
--
-- ARGV[2]  worker              ARGV[4]  slots; '' from a child of a worker
-- ARGV[3]  lease, in ms        ARGV[5]  lanes served, comma-separated, ARGV[6…] job, token, job, token …
-- answer   {lost: [job …], permits: {}}

local until_ = now + tonumber(ARGV[3])
if ARGV[4] ~= '' then
    redis.call('HSET', K .. 'worker:' .. ARGV[2], 'slots', ARGV[4], 'lanes', ARGV[5])
    redis.call('ZADD', K .. 'workers', until_, ARGV[2])
end
local lost = {}
for i = 6, #ARGV, 2 do
    local packed = redis.call('HGET', K .. 'leased', ARGV[i])
    if packed and cmsgpack.unpack(packed).token == ARGV[i + 1] then
        redis.call('ZADD', K .. 'leases', 'XX', until_, ARGV[i])
    else
        lost[#lost + 1] = ARGV[i]
    end
end
return answer({ lost = lost })
