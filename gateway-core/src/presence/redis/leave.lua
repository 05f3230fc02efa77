-- Devices have left. Also those of a process that is thought dead, and those that were never here.
-- ARGV: time, process, grace in ms, device, user, device, user ..
for index = 4, #ARGV, 2 do
  remove(ARGV[2], ARGV[index], ARGV[index + 1], tonumber(ARGV[3]))
end
