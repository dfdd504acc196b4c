-- Give a slot back. Fenced: a lease that has moved on is left alone.
--
-- ARGV[2]  job                 ARGV[4]  cost drawn, in the family's unit
-- ARGV[3]  token               ARGV[5]  done | retry | back, ARGV[6] held for so many ms (retry), ARGV[7] need
-- answer   {held: true|false, permits: {lane: number}}

local held = release(ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], now + tonumber(ARGV[6]))
return answer({ held = held })
