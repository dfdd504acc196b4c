-- How an operation becomes a function of Redis. Each is called with the prefix of the cell's keys, `hg:{<cell>}:`, as
-- its key, and ARGV[1] the epoch that is being rebuilt, '' for the one in force.
--
-- Operations work when Redis is full; only a `strict` one is refused then.
local function operation(name, strict, run)
    redis.register_function{
        function_name = LIBRARY .. '_' .. name,
        flags = strict and {} or { 'allow-oom' },
        callback = function(keys, arguments)
            return begin(keys[1], arguments[1]) or run(arguments)
        end,
    }
end
