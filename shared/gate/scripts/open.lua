-- Put a rebuilt epoch in force, if it is newer than the one that is. Preceded by nothing: the gate is closed.
--
-- KEYS[1]  prefix of the cell's keys    ARGV[1]  the epoch    ARGV[2]  the memory it was rebuilt in (`memory.lua`)
-- answer   1 where the gate is now open on this epoch, 0 where the memory is another or a newer epoch is in force

local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local head = redis.call('GET', KEYS[1] .. 'head') or ''
if run_id .. ':' .. (redis.call('GET', KEYS[1] .. 'mark') or '') ~= ARGV[2] then return 0 end
local opened_on, in_force = string.match(head, '^(%x+):(%d+)$')
if opened_on == run_id and tonumber(in_force) >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1] .. 'head', run_id .. ':' .. ARGV[1])
return 1
