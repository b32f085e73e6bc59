import type { ReactNode } from 'react'
import { Dialog as AriaDialog } from 'react-aria-components/Dialog'
import { Heading } from 'react-aria-components/Heading'
import { Modal, ModalOverlay } from 'react-aria-components/Modal'

/** A dialog over the page; onClose is left out where it can't be dismissed. */
export function Dialog({ title, isOpen, onClose, children }: { title: string; isOpen: boolean; onClose?: () => void; children: ReactNode }) {
  return (
    <ModalOverlay isOpen={isOpen} isDismissable={!!onClose} isKeyboardDismissDisabled={!onClose} onOpenChange={(open) => !open && onClose?.()}>
      <Modal>
        <AriaDialog role="dialog">
          <Heading slot="title" level={2}>
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  )
}
