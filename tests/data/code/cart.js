#!/usr/bin/env node
'use strict';

/**
 * Add up the prices of all items in a cart.
 * @param {Array<{price: number}>} items
 * @returns {number} the sum
 */
export function total(items) {
  return items.reduce((sum, item) => sum + item.price, 0);
}

// Format an amount of cents as text with two digits.
const format = (cents) => {
  return (cents / 100).toFixed(2);
};

const one = () => 1, two = () => 2;

/** Walk over all numbers up to a limit. */
export default function* count(limit) {
  for (let i = 0; i < limit; i++) yield i;
}

class Cart {
  #items = [];

  constructor(owner) {
    this.owner = owner;
  }

  /** Put one more item into the cart. */
  add(item) {
    this.#items.push(item);
    return this;
  }

  get size() { return this.#items.length; }

  static from = (list) => {
    const cart = new Cart();
    list.forEach(function (item) { cart.add(item); });
    return cart;
  };
}

Cart.prototype.clear = function () {
  this.#items.length = 0;
};

exports.load = async function (path) {
  const text = await read(path);
  return JSON.parse(text);
};

module.exports = function main() {
  return total([]);
};

const api = {
  // Answer a request for the whole list.
  list(req, res) {
    res.send(cart);
  },
  remove: function (req, res) {
    res.end();
  },
  'odd name': () => {
    return 0;
  },
};

app.get('/', (req, res) => {
  res.send('anonymous callbacks are no units');
  return res;
});
