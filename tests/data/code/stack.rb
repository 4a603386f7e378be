#!/usr/bin/env ruby
# frozen_string_literal: true

module Store
  # Keep values in a stack.
  class Stack < Base::List
    # The first member's comment stands before the body.
    def initialize(limit = 10, *rest, key:, &block)
      @limit = limit
    end

    attr_reader :limit

    # Put a value on top.
    #
    # @param value [Object] what is kept
    def push(value)
      # A comment of the body.
      raise Full if full?

      @all << value
    end

    def full? = @all.size >= @limit

    def empty?
    end

    def <=>(other)
      size <=> other.size
    end

    def limit=(n)
      @limit = n
    end

    # Make a stack of what is given.
    def self.of(*all)
      new.tap { |s| all.each { |a| s.push(a) } }
    end

    def Stack.default
      @default ||= new
    end

    class << self
      # Read a stack from a file.
      def load(path)
        of(*File.readlines(path))
      end
    end

    # Hide what is not for everyone.
    private def secret(n)
      n + 1
    end

    private

    def hidden
      yield 1
    rescue Error
      nil
    end
  end

  def Stack.late(a)
    a
  end

  class Base::List; def size; @all.size; end; end
end

=begin
Count the words of a text.
=end
def count_words text, by = " "
  text.split(by).size
end
