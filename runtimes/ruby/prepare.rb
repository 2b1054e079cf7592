# Output printed before a timeout must be visible.
$stdout.sync = true
# Report as many processors as the execution may use (OMP_NUM_THREADS), not all of the node.
require "etc"
if (processors = ENV["OMP_NUM_THREADS"].to_i).positive?
  Etc.singleton_class.prepend(Module.new do
    define_method(:nprocessors) { [processors, super()].min }
  end)
end
