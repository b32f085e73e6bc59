package render

// about writes what the numbers mean.
func (p *paper) about() {
	p.section(text{"この数字について", "About these numbers"}, 20)
	for _, f := range facts(p.r) {
		p.note(f.name, f.is)
	}
}

const noteNames = 36.0 // the column of the names of notes

// note writes a name, and beside it what it says.
func (p *paper) note(name, is text) {
	ja := p.wrapped(is.ja, sizeBody, measure-noteNames)
	var en []string
	if is.en != is.ja {
		en = p.wrapped(is.en, sizeBody-1, measure-noteNames)
	}
	height := float64(len(ja))*leading(sizeBody) + float64(len(en))*leading(sizeBody-1)
	p.need(min(height, 60))
	p.put(left, p.y, sizeBody, ink, p.cut(name.ja, sizeBody, noteNames-2))
	if after := p.width(name.ja, sizeBody) + 1.5; name.en != name.ja && after+p.width(name.en, sizeBody-1) <= noteNames-2 {
		p.put(left+after, p.y+0.2, sizeBody-1, quiet, name.en)
	} else if name.en != name.ja {
		p.put(left, p.y+leading(sizeBody), sizeBody-1, quiet, p.cut(name.en, sizeBody-1, noteNames-2))
		height = max(height, leading(sizeBody)+leading(sizeBody-1))
	}
	from, page := p.y, p.PageNo()
	for _, l := range ja {
		p.need(leading(sizeBody))
		p.put(left+noteNames, p.y, sizeBody, ink, l)
		p.y += leading(sizeBody)
	}
	for _, l := range en {
		p.need(leading(sizeBody - 1))
		p.put(left+noteNames, p.y, sizeBody-1, quiet, l)
		p.y += leading(sizeBody - 1)
	}
	if p.PageNo() == page {
		p.y = max(p.y, from+height)
	}
	p.y += 1.4
}

// protection writes the parameters that protect the people counted, and by what
// the release is known.
func (p *paper) protection() error {
	p.section(text{"プライバシー保護の内訳", "Privacy in detail"}, 30)
	for _, f := range parameterFacts(&p.r.Privacy) {
		p.need(leading(sizeBody))
		p.put(left, p.y, sizeBody, ink, f.name)
		p.put(left+7, p.y, sizeBody, ink, p.cut(f.value, sizeBody, noteNames-8))
		p.put(left+noteNames, p.y, sizeBody, ink, f.means.ja)
		p.put(left+noteNames+p.width(f.means.ja, sizeBody)+3, p.y+0.35, sizeSmall, quiet, f.means.en)
		p.y += leading(sizeBody)
	}
	lines, err := receiptFacts(p.r)
	if err != nil {
		return err
	}
	p.section(text{"受領証", "Receipt"}, 30)
	for _, f := range lines {
		p.note(f.name, f.is)
	}
	q, err := asked(p.r.Question)
	if err != nil {
		return err
	}
	if q != "" {
		p.section(text{"質問", "Question as it was priced and signed"}, 8)
		p.paragraph(left, measure, sizeSmall, quiet, q)
	}
	return nil
}
