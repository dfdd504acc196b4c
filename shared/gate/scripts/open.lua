-- Put a rebuilt epoch in force, if it is newer than the one that is. Not preceded by `place`: the gate is closed.
--
-- KEYS[1]  prefix of the cell's keys    ARGV[1]  the epoch    ARGV[2]  the memory it was rebuilt in (`memory.lua`)
-- answer   1 where the gate is now open on this epoch, 0 where the memory is another or a newer epoch is in force

local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local head = redis.call('HMGET', KEYS[1] .. 'head', 'epoch', 'run_id')
if run_id .. ':' .. (redis.call('GET', KEYS[1] .. 'mark') or '') ~= ARGV[2] then return 0 end
if head[1] and head[2] == run_id and tonumber(head[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1] .. 'head', 'epoch', ARGV[1], 'run_id', run_id)
return 1
