#!lua flags=allow-oom
-- The next batch of a consumer group: what is unfinished, whoever held it, and then what is new.
--
-- With a lock, only its holder gets anything. Looking at the lock and reading are one script, so a consumer that was
-- frozen in between can never read beside its successor.
--
-- It may run when memory is full: only what is received can be acknowledged, and only that makes room again.
--
-- KEYS  1 stream   2 lock (optional)
-- ARGV  1 group   2 consumer   3 limit   4 from: the id where claiming the unfinished goes on, or '>' for new entries
--       5 seconds that a stream made here may live, 0 for ever   6 token of the lock   7 milliseconds the lock is kept
-- Answer  {'passive', {}, from}        somebody else holds the lock
--         {'unfinished', entries, id}  go on claiming from that id; '0-0' says that these were the last
--         {'new', entries, id}         when there are none, the next one will have a higher id than this
local stream, lock = KEYS[1], KEYS[2]
local group, consumer, limit, from = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local lifetime, token, lease = tonumber(ARGV[5]), ARGV[6], ARGV[7]

if lock then
  local holder = redis.call('GET', lock)
  if holder and holder ~= token then
    return {'passive', {}, from}
  end
  if not holder then
    from = '0-0' -- somebody may have held it since, and left something unfinished
  end
  redis.call('SET', lock, token, 'PX', lease)
end

local function take()
  if from == '>' then
    return redis.pcall('XREADGROUP', 'GROUP', group, consumer, 'COUNT', limit, 'STREAMS', stream, '>')
  end
  return redis.pcall('XAUTOCLAIM', stream, group, consumer, 0, from, 'COUNT', limit)
end

local taken = take()
if taken and taken.err and string.find(taken.err, 'NOGROUP', 1, true) then
  redis.call('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM') -- from 0: what was sent before the first start counts
  if lifetime > 0 then
    redis.call('EXPIRE', stream, lifetime)
  end
  taken = take()
end
if taken and taken.err then
  return taken
end

if from ~= '>' then
  return {'unfinished', taken[2], taken[1]}
end
if taken then
  return {'new', taken[1][2], from}
end
local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
return {'new', {}, last and last[1] or '0-0'}
