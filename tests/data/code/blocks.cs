Console.WriteLine(Twice(2));

// Double what is given to it.
static int Twice(int n)
{
    return 2 * n;
}

namespace Outer
{
    namespace Inner.Deep
    {
        static class Tool
        {
            internal static void Run() { }
        }
    }
}
