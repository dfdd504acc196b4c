-- A process's heartbeat: extends its leases in one call, and tells its slots where it is a worker's main process.
--
-- ARGV[2]  worker              ARGV[4]  slots; '' from a child of a worker
-- ARGV[3]  lease, in ms        ARGV[5]  lanes served, comma-separated, ARGV[6…] job, token, job, token …
-- answer   {lost: [job …], cancelled: [job …], permits: {}}

local until_ = now + tonumber(ARGV[3])
if ARGV[4] ~= '' then
    redis.call('HSET', K .. 'worker:' .. ARGV[2], 'slots', ARGV[4], 'lanes', ARGV[5])
    redis.call('ZADD', K .. 'workers', until_, ARGV[2])
end

-- A lease taken in by a rebuild says here for the first time whose it is.
local function keep_for(worker, id, job)
    if job.lease.worker == worker then return end
    busy[job.lease.worker] = (busy[job.lease.worker] or 0) - 1
    busy[worker] = (busy[worker] or 0) + 1
    job.lease.worker = worker
    keep_job(id, job)
end

local lost, cancelled = {}, {}
for i = 6, #ARGV, 2 do
    local job = held(ARGV[i], ARGV[i + 1])
    if job then
        redis.call('ZADD', K .. 'leases', 'XX', until_, ARGV[i])
        keep_for(ARGV[2], ARGV[i], job)
        if job.cancelled then cancelled[#cancelled + 1] = ARGV[i] end
    else
        lost[#lost + 1] = ARGV[i]
    end
end
return answer({ lost = lost, cancelled = cancelled })
