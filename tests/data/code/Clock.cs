// Text about the file is not a unit's text.

using System;

namespace Acme.Time;

/// <summary>Count time in steps.</summary>
public class Clock<T> : IDisposable where T : struct
{
    private long now;

    public long Now { get { return now; } set { now = value; } }

    /// <summary>
    /// Make a clock that starts at <paramref name="start"/>.
    /// </summary>
    /// <param name="start">First value.</param>
    public Clock(long start) : base()
    {
        now = start;
    }

    ~Clock()
    {
        Dispose();
    }

    /// <summary>Move the clock on by some steps.</summary>
    [Obsolete]
    [Trace("tick")]
    public async Task<long> Tick<U>(this U by, params int[] steps) where U : class
    {
        int Sum(int[] all)
        {
            return all.Length;
        }
        int One(int n) => n;

        now += Sum(steps) + One(1);
        return now;
    }

    // Half of what has passed.
    public long Half() => now / 2;

    public static Clock<T> operator +(Clock<T> a, Clock<T> b)
    {
        return a;
    }

    public static bool operator <(Clock<T> a, Clock<T> b) => a.now < b.now;

    public static implicit operator long(Clock<T> c) => c.now;

    void IDisposable.Dispose() { }

    public abstract long Rest();

    private struct Mark
    {
        #region marks
        public void Set(long at) { now = at; }
        #endregion
    }
}

public interface IWatch
{
    void Start();

    void Stop() { Start(); }
}

public record Span(long From, long To)
{
    public long Length() => To - From;
}
