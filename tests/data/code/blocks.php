<?php
namespace A\B {
    function one() { return 1; }
    class C { function two() { return 2; } }
}
namespace {
    function three() { return 3; }
}
