//! Text about the file.

const std = @import("std");

extern fn puts(s: [*]const u8) c_int;

/// Double what is given to it.
pub fn twice(n: u32) u32 {
    return 2 * n;
}

/// A ring of bytes.
pub const Ring = struct {
    bytes: []u8,

    const Self = @This();

    /// Make a ring with room
    /// for some bytes.
    pub fn init(allocator: std.mem.Allocator, comptime limit: usize) !Ring {
        return Ring{ .bytes = try allocator.alloc(u8, limit) };
    }

    // Count what waits in the ring.
    fn used(self: *const Self) usize {
        return self.bytes.len;
    }

    pub const Mode = enum {
        fast,

        pub inline fn other(self: Mode) Mode {
            return self;
        }
    };
};

export fn ring_version() callconv(.C) c_int {
    return 1;
}

/// A list of anything.
pub fn List(comptime T: type) type {
    return struct {
        items: []T,

        pub fn first(self: @This()) T {
            return self.items[0];
        }

        pub fn last(self: @This()) T {
            const n = self.items.len;
            return self.items[n - 1];
        }
    };
}

test "twice" {
    try std.testing.expect(twice(2) == 4);
}
