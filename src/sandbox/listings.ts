/** What the invented market lists from the start. Prices are those of a made-up day; any other symbol may be traded. */

export interface Listing {
  readonly symbol: string;
  readonly name: string;
  readonly exchange: string;
  readonly price: string;
  /** Yearly volatility in percent. */
  readonly volatility: number;
}

export const LISTINGS: readonly Listing[] = [
  { symbol: 'AAPL', name: 'Apple Inc. Common Stock', exchange: 'NASDAQ', price: '226.4', volatility: 24 },
  {
    symbol: 'AMZN',
    name: 'Amazon.com Inc. Common Stock',
    exchange: 'NASDAQ',
    price: '221.95',
    volatility: 30,
  },
  {
    symbol: 'GOOGL',
    name: 'Alphabet Inc. Class A Common Stock',
    exchange: 'NASDAQ',
    price: '199.75',
    volatility: 28,
  },
  { symbol: 'JPM', name: 'JPMorgan Chase & Co.', exchange: 'NYSE', price: '291.37', volatility: 22 },
  { symbol: 'KO', name: 'Coca-Cola Company Common Stock', exchange: 'NYSE', price: '69.85', volatility: 14 },
  {
    symbol: 'MSFT',
    name: 'Microsoft Corporation Common Stock',
    exchange: 'NASDAQ',
    price: '504.24',
    volatility: 21,
  },
  {
    symbol: 'NVDA',
    name: 'NVIDIA Corporation Common Stock',
    exchange: 'NASDAQ',
    price: '174.98',
    volatility: 41,
  },
  { symbol: 'QQQ', name: 'Invesco QQQ Trust, Series 1', exchange: 'NASDAQ', price: '565.9', volatility: 19 },
  { symbol: 'SPY', name: 'SPDR S&P 500 ETF Trust', exchange: 'ARCA', price: '635.55', volatility: 15 },
  { symbol: 'TSLA', name: 'Tesla, Inc. Common Stock', exchange: 'NASDAQ', price: '320.11', volatility: 55 },
  { symbol: 'VTI', name: 'Vanguard Total Stock Market ETF', exchange: 'ARCA', price: '316', volatility: 15 },
  {
    symbol: 'XMPL',
    name: 'Example Industries Common Stock',
    exchange: 'NYSE',
    price: '103.5',
    volatility: 33,
  },
  { symbol: 'BTC/USD', name: 'Bitcoin / US Dollar', exchange: 'CRYPTO', price: '112480.5', volatility: 52 },
  { symbol: 'ETH/USD', name: 'Ether / US Dollar', exchange: 'CRYPTO', price: '4231.4', volatility: 68 },
  { symbol: 'SOL/USD', name: 'Solana / US Dollar', exchange: 'CRYPTO', price: '182.77', volatility: 80 },
];
