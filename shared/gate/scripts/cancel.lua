-- Forget a waiting job, which the ledger says is cancelled; a leased one is marked, and its worker hears of it.
--
-- ARGV[2]  job
-- answer   {leased: true|false, permits: {lane: number}}

local job = job_of(ARGV[2])
if not job then return answer({ leased = false }) end
if job.lease then
    job.cancelled = true
    keep_job(ARGV[2], job)
    return answer({ leased = true })
end
withdraw(ARGV[2], job)
redis.call('HDEL', K .. 'jobs', ARGV[2])
leave_line(ARGV[2], job)
place(job.tenant)
return answer({ leased = false })
