-- Append answers to a stream that stays bounded in length and in age, by the server's own clock.
--
-- KEYS  1 stream
-- ARGV  1 most entries kept (about: Redis trims whole nodes)   2 seconds an entry is kept   3… the answers
-- Answer  how many were appended
local kept, age = ARGV[1], tonumber(ARGV[2])

for at = 3, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', kept, '*', 'event', ARGV[at])
end
local oldest = (tonumber(redis.call('TIME')[1]) - age) * 1000
redis.call('XTRIM', KEYS[1], 'MINID', '=', string.format('%.0f', oldest))
redis.call('EXPIRE', KEYS[1], age)
return #ARGV - 2
