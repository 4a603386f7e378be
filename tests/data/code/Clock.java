package sample;

import java.util.function.Supplier;

/** A clock that can be set. */
public class Clock implements Ticking {
    private long now;

    public Clock(long now) {
        this.now = now;
    }

    /**
     * Moves the clock forward by the given time. Negative times are refused.
     *
     * @param millis how far
     * @return the new time
     */
    @Override
    @Deprecated
    public long tick(long millis) {
        Supplier<Long> s = () -> {
            return millis;
        };
        now += s.get();
        return now;
    }

    abstract static class Base {
        abstract void stop();

        <T> T pick(T a, T b) { return a; }
    }

    interface Listener {
        void heard(String what);

        default void twice(String what) {
            heard(what);
            heard(what);
        }
    }

    enum Mode {
        FAST, SLOW;

        Mode other() {
            return this == FAST ? SLOW : FAST;
        }
    }

    record Range(int low, int high) {
        Range {
            if (low > high)
                throw new IllegalArgumentException();
        }
    }
}
