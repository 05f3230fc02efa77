-- Devices have arrived, each once however often this is said.
-- ARGV: time, process, device, user, device, user ..
-- Answers the newest event, or '' if the process is thought dead: its devices leave, or have left.
if not call('ZSCORE', key('lease'), ARGV[2]) then
  return ''
end
for index = 3, #ARGV, 2 do
  add(ARGV[2], ARGV[index], ARGV[index + 1])
end
return newest_event()
