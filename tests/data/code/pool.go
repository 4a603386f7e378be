// Package pool is a sample for tests.
package pool

import "sync"

type Pool[T any] struct {
	mu   sync.Mutex
	free []T
}

// Get takes a value out of the pool, or makes a new one when it is empty.
func (p *Pool[T]) Get(fresh func() T) T {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return fresh()
	}
	return p.free[len(p.free)-1]
}

func (Pool[T]) name() string { return "pool" }

//go:noinline
func spin(n int) int {
	step := func(i int) int {
		i++
		return i
	}
	for i := 0; i < n; i = step(i) {
	}
	go func() {
		println("anonymous")
	}()
	return n
}

// Handler answers nothing.
var Handler = func(x int) int {
	return x
}

func external(x int) int
