#!/usr/bin/env kotlin
package acme.queue

import kotlin.math.max

/** Append all the values to the queue. */
@JvmOverloads
fun <T> push(queue: Queue<T>, vararg values: T, now: Boolean = true): Int {
    fun helper(n: Int): Int {
        val m = n + 1
        return m
    }
    fun short(n: Int) = n
    return helper(values.size)
}

// Half of the length, rounded down.
fun half(n: Int): Int = n / 2

/**
 * Take the first word of a text.
 */
fun String?.firstWord(): String = this ?: ""

infix fun List<Int>.sumWith(other: List<Int>): Int {
    return this.size + other.size
}

open class Queue<T>(private val limit: Int) : Base() {
    init {
        require(limit > 0)
    }

    // Make a queue with the usual limit.
    constructor() : this(10) {
        println("made")
    }

    val size: Int
        get() { return all.size }

    /** Take out the first value that waits. */
    override suspend fun take(): T? {
        return all.removeFirst()
    }

    operator fun plus(other: Queue<T>) = this

    abstract fun rest(): T

    companion object {
        fun <T> of(vararg all: T): Queue<T> {
            return Queue()
        }
    }

    inner class Cursor {
        fun next() { }
    }
}

interface Named {
    fun name(): String

    fun upper(): String = name().uppercase()
}

object Registry {
    fun find(name: String) = names[name]
}

enum class Mode {
    FAST, SLOW;

    fun other(): Mode = if (this == FAST) SLOW else FAST
}

val twice = { n: Int -> 2 * n }
