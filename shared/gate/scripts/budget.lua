-- Room in budgets. A window is a name (`h2026-11-22T18`) with four numbers: what was drawn in it and what is held for
-- calls whose draw is not known yet, in tokens and in nano-dollars. Nothing is ever reset: a new hour has a new name.

-- A need names its windows in this order: hour, day, month.
local HOUR, DAY, MONTH = 1, 2, 3
local BUDGETS = {
    { name = 'tokens_hour', unit = 'tokens', window = HOUR },
    { name = 'tokens_month', unit = 'tokens', window = MONTH },
    { name = 'usd_day', unit = 'nanos', window = DAY },
    { name = 'usd_month', unit = 'nanos', window = MONTH },
}

local function window_of(record, id)
    local window = record.windows[id]
    if not window then
        window = { tokens = 0, nanos = 0, held_tokens = 0, held_nanos = 0 }
        record.windows[id] = window
    end
    return window
end

local function needed(told)
    local need = cjson.decode(told)
    for _, window in ipairs(need.windows) do window.ends = now + window.left end
    return need
end

-- The first hard budget in which a need finds no room, with what is left of it. A window that is over has room.
local function shortage(record, need)
    for _, kind in ipairs(BUDGETS) do
        local limit, wanted = record.budgets[kind.name], need[kind.unit]
        local window = need.windows[kind.window]
        if limit and limit.hard and wanted > 0 and window.ends > now then
            local drawn = window_of(record, window.id)
            local left = limit.limit - drawn[kind.unit] - drawn['held_' .. kind.unit]
            if wanted > left then
                return {
                    budget = kind.name, limit = limit.limit, left = left, need = wanted,
                    ends = window.ends, never = wanted > limit.limit,
                }
            end
        end
    end
end

-- Change what is held, and what was drawn, in the three windows of a reservation.
local function draw_in(record, windows, held_tokens, held_nanos, tokens, nanos)
    for _, id in ipairs(windows) do
        local window = window_of(record, id)
        window.held_tokens, window.held_nanos = window.held_tokens + held_tokens, window.held_nanos + held_nanos
        window.tokens, window.nanos = window.tokens + tokens, window.nanos + nanos
    end
end

-- Forget windows of the past in which nothing is held: those whose names sort before the two newest of their length.
-- (The newest but one stays: an intent from just before the turn may still come.)
local function forget_windows(record)
    local newest, newer = {}, {}
    for id in pairs(record.windows) do
        local kind = string.sub(id, 1, 1)
        if not newest[kind] or id > newest[kind] then
            newer[kind], newest[kind] = newest[kind], id
        elseif not newer[kind] or id > newer[kind] then
            newer[kind] = id
        end
    end
    for id, window in pairs(record.windows) do
        local kept = newer[string.sub(id, 1, 1)]
        local open = window.held_tokens > 0 or window.held_nanos > 0
        if kept and id < kept and not open then record.windows[id] = nil end
    end
end

-- Hold a need for a call until it is settled.
local function hold(call, name, need)
    local windows = {}
    for i, window in ipairs(need.windows) do windows[i] = window.id end
    local record = budget(name)
    draw_in(record, windows, need.tokens, need.nanos, 0, 0)
    forget_windows(record)
    local held = { tenant = name, tokens = need.tokens, nanos = need.nanos, windows = windows }
    redis.call('HSET', K .. 'reserved', call, cmsgpack.pack(held))
end
