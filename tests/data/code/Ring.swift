#!/usr/bin/env swift
import Foundation

/// Put a value into the ring.
///
/// - Parameter value: what is kept
@discardableResult
public func put<T: Equatable>(_ value: T, into ring: inout Ring<T>, at index: Int = 0) throws -> Bool {
    func step(n: Int) -> Int {
        let m = n + 1
        return m
    }
    return step(n: index) > 0
}

/** Keep a fixed number of values. */
public struct Ring<T> {
    private var all: [T] = []

    var count: Int {
        return all.count
    }

    // Make a ring with room for some values.
    init(limit: Int) {
        self.limit = limit
    }

    init?(text: String) { return nil }

    static func == (a: Ring<T>, b: Ring<T>) -> Bool {
        return a.count == b.count
    }

    mutating func clear() { all = [] }

    subscript(i: Int) -> T {
        return all[i]
    }

    enum Mode: String {
        case fast

        func other() -> Mode { return .fast }
    }
}

final class Watch: Base {
    deinit {
        stop()
    }

    /// Stop the watch and tell everybody.
    override class func stop() async {
        await tell()
    }
}

protocol Named {
    func name() -> String
}

extension Named where Self: Equatable {
    /* Say the name in capitals. */
    func upper() -> String {
        return name().uppercased()
    }
}

extension Ring.Mode {
    func `default`() -> Int { 1 }
}

actor Counter {
    func next() -> Int { value += 1; return value }
}

let twice = { (n: Int) in 2 * n }
