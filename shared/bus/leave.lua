-- Give the lock up, unless somebody else holds it by now.
--
-- KEYS  1 lock
-- ARGV  1 token
-- Answer  1 given up, 0 it was not ours
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
