<html><body>
<?php
/** Text about the file. */

namespace Shop\Cart;

use Shop\Item;

/**
 * Add up the prices of all items.
 *
 * @param Item[] $items
 */
function total(array $items, ?int $tax = null, Item ...$more): float
{
    function helper(int $n): int
    {
        return $n;
    }
    return array_sum($items);
}

abstract class Cart extends Base implements \Countable
{
    use Totals;

    // Make an empty cart.
    #[Inject]
    public function __construct(private readonly string $owner = "nobody") {}

    # Count what lies in the cart.
    public function count(): int
    {
        $each = function ($item) { return $item->count; };
        $twice = fn($n) => 2 * $n;
        return count($this->items);
    }

    abstract protected function load(): void;

    public static function &from(array $a): static { return new static(); }

    public function __destruct() { $this->close(); }
}

interface Priced { public function price(): int; }

trait Totals
{
    protected function sum(): int { return 1; }
}

enum Size: string
{
    case Small = 's';

    /** Tell the size by its letter. */
    public function letter(): string { return $this->value; }
}

$odd = new class { public function run() { return 1; } };
?>
<p>Between</p>
<?php if (!function_exists('late')) { ?>
<?php function late() { ?>
  <b>late</b>
<?php } } ?>
