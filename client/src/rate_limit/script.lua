-- Takes tokens of a tenant: one step for all producers, by the clock of this server. No caller sends a time.
--
-- KEYS[1]  bucket of the tenant: "<micro-tokens> <microseconds since 1970>", both integers; absent = full
-- KEYS[2]  hash of overrides: tenant -> "<messages a second> <burst>"
-- ARGV     tenant, messages, default rate, default burst, longest wait in microseconds
--
-- Answers {what, microseconds, override}:
--   what          1 taken, 0 limited, -1 not to be had under this limit, and 10 more where the override is damaged
--   microseconds  until the tokens are due
--   override      as it stands in the hash, or nil
local HOUR_MS, YEAR_MS = 3600000, 31536000000
local MICRO = 1000000
local BURST_MAX = 4294967295
-- How deep tokens may be taken ahead: doubles count this far exactly.
local DEBT_MAX = 4503599627370496
-- Longest time that is told, so that it stays an integer: 31 years.
local WAIT_MAX = 1000000000000000

local time = redis.call('TIME')
local now = tonumber(time[1]) * MICRO + tonumber(time[2])

local rate, burst = tonumber(ARGV[3]), tonumber(ARGV[4])
local override = redis.call('HGET', KEYS[2], ARGV[1])
local damaged = 0
if override then
  local r, b = string.match(override, '^(%S+) (%d+)$')
  r, b = tonumber(r), tonumber(b)
  if r and b and b <= BURST_MAX then
    rate, burst = r, b
  else
    damaged = 10
  end
end
if not (rate > 0 and rate < math.huge) then rate = 0 end
if burst == 0 and rate > 0 then burst = 1 end
local capacity = burst * MICRO
local cost = tonumber(ARGV[2]) * MICRO

local tokens, last = capacity, now
local held = redis.call('GET', KEYS[1])
if held then
  local t, l = string.match(held, '^(%-?%d+) (%d+)$')
  if t then tokens, last = tonumber(t), tonumber(l) end
end
-- A clock that was set back gives nothing, and takes nothing: time counts from what it says now.
local set_back = last > now
if set_back then last = now end
tokens = math.min(capacity, tokens + math.floor((now - last) * rate))

local what, wait = 1, 0
if cost > capacity then
  what = -1
elseif cost > 0 and cost > tokens then
  if rate > 0 then
    wait = math.min(math.ceil((cost - tokens) / rate), WAIT_MAX)
    if wait > tonumber(ARGV[5]) or tokens - cost < -DEBT_MAX then what = 0 end
  else
    what = -1
  end
end

-- An hour, renewed by every call; longer where the bucket is not full by then, else waiting would refill it.
local function expiry(left)
  local fill = (capacity - left) / rate / 1000
  if not (fill < YEAR_MS) then return YEAR_MS end
  return string.format('%.0f', math.max(HOUR_MS, math.ceil(fill)))
end

if what == 1 and cost > 0 then
  tokens = tokens - cost
  redis.call('SET', KEYS[1], string.format('%.0f %.0f', tokens, now), 'PX', expiry(tokens))
elseif held and set_back then
  redis.call('SET', KEYS[1], string.format('%.0f %.0f', tokens, now), 'PX', expiry(tokens))
elseif held then
  -- Nothing was taken, so nothing is rounded: the bucket keeps its time.
  redis.call('PEXPIRE', KEYS[1], expiry(tokens))
end
return {what + damaged, wait, override}
