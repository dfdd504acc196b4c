-- Give a slot back. Fenced: a lease that has moved on is left alone.
--
-- ARGV[2]  job                 ARGV[4]  cost drawn, in the family's unit
-- ARGV[3]  token               ARGV[5]  done | retry | back, ARGV[6] due in ms since 1970 (retry)
-- answer   {held: true|false, permits: {lane: number}}

local held = release(ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6]))
return answer({ held = held })
