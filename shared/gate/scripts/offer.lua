-- Put a committed job into its tenant's backlog. Idempotent; one that is leased waits again when its run has ended.
--
-- ARGV[2]  job id              ARGV[6]  score: priority, then order of acceptance
-- ARGV[3]  tenant              ARGV[7]  due, in milliseconds since 1970; 0 for now
-- ARGV[4]  lane                ARGV[8]  expected cost, in the family's unit
-- ARGV[5]  the lane's weight   ARGV[9]  version of the tenant's configuration, ARGV[10] the configuration as JSON
-- ARGV[11] ordering key; '' for none
-- answer   {new: true|false, permits: {lane: number}}

local id, name, due = ARGV[2], ARGV[3], tonumber(ARGV[7])
configure(name, ARGV[9], ARGV[10])
lane(ARGV[4]).weight = tonumber(ARGV[5])
local job = { tenant = name, lane = ARGV[4], score = tonumber(ARGV[6]), cost = tonumber(ARGV[8]), offered = now }
if ARGV[11] ~= '' then job.key = ARGV[11] end
if due > now then job.due = due end

local fresh = redis.call('HSETNX', K .. 'jobs', id, cmsgpack.pack(job)) == 1
if fresh then
    wait_first(id, job, due)
else
    local known = job_of(id)
    if known.lease and not known.again then
        -- What was to be cancelled was over before it was offered anew.
        known.again, known.cancelled = true, nil
        keep_job(id, known)
    end
end
place(name)
return answer({ new = fresh })
