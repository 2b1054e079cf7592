# Output printed before a timeout must be visible.
$stdout.sync = true
# Report as many processors as the execution may use (OMP_NUM_THREADS), not all of the node.
require "etc"
if (processors = ENV["OMP_NUM_THREADS"].to_i).positive?
  Etc.singleton_class.prepend(Module.new do
    define_method(:nprocessors) { [processors, super()].min }
  end)
end
# In a process that is started before there is a program, wait for its arguments and environment, which are
# the first bytes of standard input (docs/design/prestart.md). Ruby has opened a placeholder as main.rb.
if ENV.delete("CLOCHE_PRESTART")
  # Ruby touches 8 MiB of stack at its start. Return them to the kernel, except what is in use.
  begin
    madvise = {"x86_64" => 28, "aarch64" => 233}.fetch(RUBY_PLATFORM[/\A\w+/])
    stack = File.foreach("/proc/self/maps").find { |line| line.end_with?("[stack]\n") }.to_i(16)
    used = File.read("/proc/self/syscall").split[-2].to_i(16) - (256 << 10)
    syscall(madvise, stack, (used - stack) & -4096, 4) if used > stack # MADV_DONTNEED
  rescue KeyError, SystemCallError
    # They stay.
  end
  take = lambda do |size|
    data = "".b
    data << $stdin.sysread(size - data.bytesize) while data.bytesize < size
    data
  rescue EOFError # there will be no program
    exit!(0)
  end
  words = take[take[4].unpack1("N")].force_encoding("UTF-8").split("\0", -1)
  count = words.shift.to_i
  ARGV.replace(words.shift(count))
  words[0..-2].each { |pair| ENV.store(*pair.split("=", 2)) }
  ObjectSpace.each_object(File) do |file|
    file.reopen(file.path) if !file.closed? && file.path == "main.rb"
  end
end
