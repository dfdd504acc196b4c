-- Which memory of Redis this is: its run_id, and a mark that a flush takes away. Preceded by nothing.
--
-- KEYS[1]  prefix of the cell's keys    ARGV[1]  a mark that nobody has used, for where there is none
-- answer   the memory's name

redis.call('SETNX', KEYS[1] .. 'mark', ARGV[1])
return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') .. ':' .. redis.call('GET', KEYS[1] .. 'mark')
