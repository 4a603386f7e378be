// shapes.cpp - sample for tests.
#include <string>

namespace geo {

/// A circle around the origin.
class Circle : public Shape {
public:
    /// Make a circle with the given radius.
    explicit Circle(double r) : radius_(r) {}
    ~Circle() { --alive; }
    Circle(const Circle &) = delete;
    virtual double area() const = 0;

    /**
     * @brief Tell whether two circles have the same size.
     * @param other the other one
     */
    bool operator==(const Circle &other) const
    {
        return radius_ == other.radius_;
    }
    operator bool() const { return radius_ > 0; }

private:
    double radius_;
};

// Scale the circle by a factor that must not be negative.
template <typename T>
T Circle::scale(T factor)
{
    return radius_ * factor;
}

template <>
void Box<int>::clear() noexcept
{
    size_ = 0;
}

namespace {
int helper()
{
    auto twice = [](int x) { return 2 * x; };
    return twice(21);
}
} // namespace

} // namespace geo

extern "C" int shapes_version(void)
{
    return 3;
}

extern "C" {
int shapes_minor(void)
{
    return 1;
}
}

int *const &deep_reference()
{
    static int *p;
    return p;
}
