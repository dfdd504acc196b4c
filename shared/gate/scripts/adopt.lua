-- Rebuild only: take in a job that the ledger says is running, under the token it runs with, for one whole lease. It
-- holds its ordering key, whoever was offered before it.
--
-- ARGV[2…11] as in offer       ARGV[12] token, ARGV[13] lease in ms, ARGV[14] '1' where it is to be cancelled
-- answer   {new: true|false, permits: {}}

local id, name = ARGV[2], ARGV[3]
configure(name, ARGV[9], ARGV[10])
lane(ARGV[4]).weight = tonumber(ARGV[5])
local job = { tenant = name, lane = ARGV[4], score = tonumber(ARGV[6]), cost = tonumber(ARGV[8]), offered = now }
if ARGV[11] ~= '' then job.key = ARGV[11] end
if ARGV[14] == '1' then job.cancelled = true end

-- The job that was given the key meanwhile waits behind.
local function take_key()
    make_way(job)
    redis.call('ZADD', line_of(job), accepted(job), id)
    redis.call('HSET', K .. 'holders', name .. ':' .. job.key, id)
end

local fresh = redis.call('HSETNX', K .. 'jobs', id, cmsgpack.pack(job)) == 1
if fresh then
    if job.key then take_key() end
    lease_out(id, job, ARGV[12], '', tonumber(ARGV[13]))
end
place(name)
return answer({ new = fresh })
