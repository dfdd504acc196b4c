-- Give a slot back. Fenced: a lease that has moved on is left alone.
--
-- ARGV[2]  job                 ARGV[5]  done | retry | back | gone
-- ARGV[3]  token               ARGV[6]  ms until a retry is due
-- ARGV[4]  cost drawn          ARGV[7]  what the job must find room for, as JSON; '' for nothing
-- answer   {held: true|false, permits: {lane: number}}

local done = release(ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6]), ARGV[7])
return answer({ held = done })
