#!/usr/bin/env lua
-- Text about the file.

local M = {}

--- Take a value out of the pool.
-- @param n how many
function M.take(n, ...)
  local function step(i)
    -- A comment of the body.
    local k = i + 1
    return k
  end
  local function short(i) return i end
  return step(n)
end

-- Give a value back
-- to the pool.
function M:give(value)
  self.free[#self.free + 1] = value
end

--[[ Count what is free
     in the pool. ]]
local function count(pool)
  return #pool.free
end

-- Open the pool again.
M.open = function(self, path)
  return path
end

local close = function() end

function M.nothing() end

local api = {
  -- List all the names.
  list = function(all)
    return all
  end,
  limit = 10,
}

function a.b.c.deep(x) return x end

table.sort(M, function(x, y) return x < y end)

return M
