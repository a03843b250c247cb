-- Requests from a file, over and over: a line holds a method, a path and, for a POST, a JSON body, with tabs between them.
-- Prints what happened as one line of JSON.

local formatted = {}
local next_one = 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local method, path, body = line:match("^(%S+)\t(%S+)\t?(.*)$")
    local headers = body ~= "" and { ["content-type"] = "application/json" } or {}
    formatted[#formatted + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
  end
end

function request()
  next_one = next_one % #formatted + 1
  return formatted[next_one]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"errors":%d,"p99_ms":%.3f}\n',
    summary.requests,
    summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    latency:percentile(99) / 1e3
  ))
end
