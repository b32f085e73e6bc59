// The 47 prefectures: their English names, and where each stands on a map of squares.

// In the order of their JIS X 0401 codes: name, English, region, column and row of the
// wide map. It keeps who is whose neighbour, as far as squares can.
const rows = `北海道 Hokkaido 0 12 0|青森県 Aomori 1 12 1|岩手県 Iwate 1 12 2|宮城県 Miyagi 1 12 3|秋田県 Akita 1 11 2|山形県 Yamagata 1 11 3|福島県 Fukushima 1 11 4
茨城県 Ibaraki 2 12 5|栃木県 Tochigi 2 11 5|群馬県 Gunma 2 10 5|埼玉県 Saitama 2 10 6|千葉県 Chiba 2 12 6|東京都 Tokyo 2 11 6|神奈川県 Kanagawa 2 10 7
新潟県 Niigata 3 10 4|富山県 Toyama 3 9 4|石川県 Ishikawa 3 8 4|福井県 Fukui 3 7 5|山梨県 Yamanashi 3 9 6|長野県 Nagano 3 9 5|岐阜県 Gifu 3 8 5|静岡県 Shizuoka 3 9 7|愛知県 Aichi 3 8 6
三重県 Mie 4 7 7|滋賀県 Shiga 4 7 6|京都府 Kyoto 4 6 6|大阪府 Osaka 4 5 7|兵庫県 Hyogo 4 5 6|奈良県 Nara 4 6 7|和歌山県 Wakayama 4 6 8
鳥取県 Tottori 5 4 6|島根県 Shimane 5 3 6|岡山県 Okayama 5 4 7|広島県 Hiroshima 5 3 7|山口県 Yamaguchi 5 2 7
徳島県 Tokushima 6 4 9|香川県 Kagawa 6 4 8|愛媛県 Ehime 6 3 8|高知県 Kochi 6 3 9
福岡県 Fukuoka 7 1 8|佐賀県 Saga 7 0 8|長崎県 Nagasaki 7 0 9|熊本県 Kumamoto 7 0 10|大分県 Oita 7 1 9|宮崎県 Miyazaki 7 1 10|鹿児島県 Kagoshima 7 0 11|沖縄県 Okinawa 7 2 11`

export type Prefecture = { name: string; en: string; region: number; column: number; row: number }

export const prefectures: Prefecture[] = rows.split(/[|\n]/).map((text) => {
  const [name = '', en = '', region, column, row] = text.split(' ')
  return { name, en, region: Number(region), column: Number(column), row: Number(row) }
})

const english = new Map(prefectures.map((p) => [p.name, p.en]))
const regions: Record<string, string> = {
  東北: 'Tohoku', 関東: 'Kanto', 中部: 'Chubu', 近畿: 'Kinki', 中国: 'Chugoku', 四国: 'Shikoku', '九州・沖縄': 'Kyushu and Okinawa',
}

export const isPrefecture = (value: string) => english.has(value)

/** The English name of a prefecture or region. */
export const placeInEnglish = (value: string) => english.get(value) ?? regions[value]

/** The name without 都, 府, 県: it fits into a square. */
export const shortName = (name: string) => (name === '北海道' ? name : name.replace(/[都府県]$/, ''))

export type Placed = { name: string; column: number; row: number }
export type Layout = { columns: number; rows: number; places: Placed[] }

/** Where each prefecture stands: like a map where there is room, else region by region
 * from north to south, at most seven abreast. */
export function layout(wide: boolean): Layout {
  if (wide) return { columns: 13, rows: 12, places: prefectures.map(({ name, column, row }) => ({ name, column, row })) }
  const abreast = 7
  const places: Placed[] = []
  let row = 0
  for (let region = 0; region < 8; region++) {
    const own = prefectures.filter((p) => p.region === region)
    own.forEach((p, i) => places.push({ name: p.name, column: i % abreast, row: row + Math.floor(i / abreast) }))
    row += Math.ceil(own.length / abreast)
  }
  return { columns: abreast, rows: row, places }
}
